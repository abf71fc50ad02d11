/**
 * Remembers what was asked for lately: at least the last `size` entries, at most twice as many. Cheaper than an exact
 * order of use, which nobody needs for what can be found again.
 */
export class Recent<K, V> {
  readonly #size: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  constructor(size: number) {
    this.#size = size
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}

/** The same for two keys, without joining them: joined keys are new text to be hashed each time. */
export class RecentPairs<A, B, V> {
  readonly #size: number
  #count = 0
  #young = new Map<A, Map<B, V>>()
  #old = new Map<A, Map<B, V>>()

  constructor(size: number) {
    this.#size = size
  }

  get(a: A, b: B): V | undefined {
    const young = this.#young.get(a)?.get(b)
    if (young !== undefined) return young
    const old = this.#old.get(a)?.get(b)
    if (old !== undefined) this.set(a, b, old)
    return old
  }

  set(a: A, b: B, value: V): void {
    if (this.#count >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
      this.#count = 0
    }
    const inner = this.#young.get(a)
    if (inner === undefined) this.#young.set(a, new Map([[b, value]]))
    else inner.set(b, value)
    this.#count++
  }
}
