/** Where phrases stand in a text: number of the term, first and last word. Used again by the next text. */
export class PhrasesFound {
  count = 0
  terms = new Int32Array(256)
  starts = new Int32Array(256)
  ends = new Int32Array(256)

  add(term: number, start: number, end: number): void {
    if (this.count === this.terms.length) this.#grow()
    this.terms[this.count] = term
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.count++
  }

  #grow(): void {
    const larger = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(from.length * 2)
      to.set(from)
      return to
    }
    this.terms = larger(this.terms)
    this.starts = larger(this.starts)
    this.ends = larger(this.ends)
  }
}
