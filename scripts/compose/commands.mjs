/** Programs as functions: each resolves with what the program printed, and rejects with its errors. */
import { spawn } from 'node:child_process'

/**
 * @typedef {(...args: string[]) => Promise<string>} Command
 * @typedef {{ docker: Command, compose: Command }} Commands
 */

/** @returns {Command} the program with its first arguments and an environment */
export const command =
  ([program, ...first], env = process.env, cwd = undefined) =>
  (...args) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [...first, ...args], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
      const [out, errors] = [[], []]
      child.stdout.on('data', (chunk) => out.push(chunk))
      child.stderr.on('data', (chunk) => errors.push(chunk))
      child.once('error', reject)
      child.once('close', (code) => {
        const printed = Buffer.concat(out).toString()
        if (code === 0) return resolve(printed)
        const lines = `${printed}${Buffer.concat(errors)}`.trimEnd().split('\n').slice(-40)
        reject(new Error(`${program} failed (${code}):\n${lines.join('\n')}`))
      })
    })
