/** Clients that wait for the outcome of an update. */
import { unavailable } from './temporal-tasks.ts'
import type { Outcome } from './workflow-instance.ts'

interface Client {
  resolve(value: unknown): void
  reject(error: unknown): void
}

export class WaitingClients {
  readonly #clients = new Map<string, Client[]>()

  /** @param onFirst called for the first client that waits for this update. */
  wait(id: string, onFirst: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const others = this.#clients.get(id)
      this.#clients.set(id, [...(others ?? []), { resolve, reject }])
      if (!others) onFirst()
    })
  }

  answer(id: string, outcome: Outcome): void {
    const waiting = this.#clients.get(id) ?? []
    this.#clients.delete(id)
    for (const { resolve, reject } of waiting) {
      if ('result' in outcome) resolve(outcome.result)
      else reject(outcome.failure)
    }
  }

  /** The server has lost the updates: all clients fail. */
  failAll(): void {
    for (const id of [...this.#clients.keys()]) this.answer(id, { failure: unavailable() })
  }
}
