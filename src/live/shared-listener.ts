/** One connection for notifications of changes, for any number of subscribers. */
import type { ChangeListener } from './change-listener.ts'

export interface SharedListener {
  /** @returns what ends the subscription. */
  readonly subscribe: (onChange: () => void) => () => void
  close(): Promise<void>
}

/** @param listen connects, with the first subscriber: a process without any has no connection. */
export function createSharedListener(listen: (onNotification: () => void) => ChangeListener): SharedListener {
  const subscribers = new Set<() => void>()
  let listener: ChangeListener | null = null
  return {
    subscribe(onChange) {
      // One that subscribes twice is called twice.
      const call = () => onChange()
      subscribers.add(call)
      listener ??= listen(() => {
        for (const notify of subscribers) notify()
      })
      return () => subscribers.delete(call)
    },
    async close() {
      await listener?.close()
    },
  }
}
