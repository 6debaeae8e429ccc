// A command that goes through a whole log lets go of what it is done with; left to itself the heap keeps that until it needs
// the room, and takes more of it on a larger machine.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

/** Says how many MiB the heap has when a large batch is done with, once it is small, or after a while. */
const PROGRAM = `
import { setTimeout as pause } from 'node:timers/promises'
const [memory, how, while_ms] = process.argv.slice(1)
const { keepMemorySmall } = await import(memory)
if (how === 'small') keepMemorySmall()
const mib = () => process.memoryUsage().heapUsed / 2 ** 20
let batch = Array.from({ length: 1_000_000 }, (_, n) => ({ n, text: String(n) }))
const held = mib()
batch = undefined
const until = performance.now() + Number(while_ms)
while (mib() > 48 && performance.now() < until) await pause(20)
console.log(JSON.stringify({ held, left: mib() }))
`

function after(
  how: 'small' | 'by itself',
  while_ms: number,
): { readonly held: number; readonly left: number } {
  const memory = join(process.cwd(), 'apps', 'cli', 'dist', 'memory.js')
  const args = ['--input-type=module', '--eval', PROGRAM, memory, how, String(while_ms)]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout)
}

test('what is done with is let go, without anything that asks for its room', () => {
  const { held, left } = after('small', 10_000)
  expect(held).toBeGreaterThan(60)
  expect(left).toBeLessThanOrEqual(48)
  expect(after('by itself', 500).left).toBeGreaterThan(60)
})
