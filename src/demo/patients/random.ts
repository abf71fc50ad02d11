/** A small seeded generator (mulberry32): the same seed gives the same chart on every machine. */
export interface Random {
  /** Whole number from `low` to `high`, both included. */
  readonly whole: (low: number, high: number) => number
  /** Decimal text with exactly `digits` decimals; trailing zeros stand. */
  readonly decimal: (low: number, high: number, digits: number) => string
  readonly pick: <T>(from: readonly [T, ...T[]]) => T
  /** Twelve hexadecimal digits, for ids that say nothing. */
  readonly id: () => string
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const whole = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    whole,
    decimal: (low, high, digits) => (low + next() * (high - low)).toFixed(digits),
    pick: from => from[Math.floor(next() * from.length)] ?? from[0],
    id: () => Array.from({ length: 3 }, () => whole(0, 0xffff).toString(16).padStart(4, '0')).join(''),
  }
}
