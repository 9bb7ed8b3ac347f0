/** Reads mails from clients into memory, within a limit for each and for all of them together. */

/** Of smtp-server: it says whether the mail has exceeded the limit that the server was given. */
export type BodyStream = AsyncIterable<Buffer> & { readonly sizeExceeded: boolean }

/** Why a mail was not read. `broken`: the connection has ended before the mail has. */
export type Unread = 'too_large' | 'too_busy' | 'broken'

export class MailBodies {
  readonly #maxHeldBytes: number
  #heldBytes = 0

  constructor({ maxHeldBytes }: { readonly maxHeldBytes: number }) {
    this.#maxHeldBytes = maxHeldBytes
  }

  /** Reads to the end also what is not held: clients read an answer only after they have sent all. {@link release} what this returns. */
  async read(stream: BodyStream): Promise<Buffer | Unread> {
    const chunks: Buffer[] = []
    let unread: Unread | null = null
    const drop = (reason: Unread) => {
      unread = reason
      for (const { length } of chunks.splice(0)) this.#heldBytes -= length
    }
    try {
      for await (const chunk of stream) {
        if (unread !== null) continue
        chunks.push(chunk)
        this.#heldBytes += chunk.length
        if (stream.sizeExceeded) drop('too_large')
        else if (this.#heldBytes > this.#maxHeldBytes) drop('too_busy')
      }
    } catch {
      drop('broken')
    }
    return unread ?? Buffer.concat(chunks)
  }

  release(body: Buffer): void {
    this.#heldBytes -= body.length
  }
}
