/** What a reader of documents and its worker say to each other. */

export interface ReadMessage {
  readonly id: number
  readonly bytes: Uint8Array
  readonly limits: { readonly pages: number; readonly characters: number }
}

export interface ReadAnswer {
  readonly id: number
  /** Absent: the document cannot be read. */
  readonly text?: string
}
