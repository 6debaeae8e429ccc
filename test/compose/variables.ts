// The file `.env` beside the compose files, made by the very line that docker-compose.yml says makes it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BASE } from './compose.js'

/** Passwords by the names of their variables, new ones at each call. */
export function makeVariables(): Record<string, string> {
  const line = /^# {3}(for user in .*> \.env)$/m.exec(readFileSync(BASE, 'utf8'))?.[1]
  if (line === undefined) throw new Error(`${BASE} does not say how to make .env`)
  const dir = mkdtempSync(join(tmpdir(), 'assistant-ledger-env-'))
  try {
    execFileSync('sh', ['-c', line], { cwd: dir })
    const lines = readFileSync(join(dir, '.env'), 'utf8').trim().split('\n')
    return Object.fromEntries(lines.map((one) => one.split('=') as [string, string]))
  } finally {
    rmSync(dir, { recursive: true })
  }
}
