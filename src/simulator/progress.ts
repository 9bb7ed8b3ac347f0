/** Shows progress: as a bar on a terminal, elsewhere as a line every 2 seconds. */
import cliProgress from 'cli-progress'

export interface Progress {
  update(done: number): void
  stop(): void
}

const logIntervalMs = 2_000

/** @param stream standard error, so that the result can be piped. */
export function createProgress(what: string, total: number, isShown: boolean, stream: NodeJS.WriteStream): Progress {
  if (!isShown) return { update() {}, stop() {} }
  return stream.isTTY ? barOf(what, total, stream) : linesOf(what, total, stream)
}

function barOf(what: string, total: number, stream: NodeJS.WriteStream): Progress {
  const format = `${what.padEnd(9)} {bar} {percentage} % · {value} of {total} · {duration_formatted}`
  const bar = new cliProgress.SingleBar({ format, stream, hideCursor: true }, cliProgress.Presets.shades_classic)
  bar.start(total, 0)
  return { update: (done) => bar.update(done), stop: () => bar.stop() }
}

function linesOf(what: string, total: number, stream: NodeJS.WriteStream): Progress {
  let [done, written] = [0, -1]
  const write = () => {
    if (done !== written) stream.write(`${what}: ${done} of ${total}\n`)
    written = done
  }
  const timer = setInterval(write, logIntervalMs)
  timer.unref()
  return {
    update(now) {
      done = now
    },
    stop() {
      clearInterval(timer)
      write()
    },
  }
}
