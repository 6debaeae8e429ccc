// Where the scripts of a terminal find the bus: what the environment names, and of what it leaves out, what the local
// stack of `npm start` says in its DATA_DIR.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { natsAddress } from '@assistant-ledger/client'

const local = localStack()
export const project = process.env.PROJECT || local?.project || 'default'

/** @throws Error one line that names the variable at fault */
export function address() {
  const { NATS_URL, NATS_USER, NATS_PASSWORD } = process.env
  const stack = NATS_URL ? {} : { NATS_URL: local?.natsUrl }
  const commander =
    NATS_URL || NATS_USER ? {} : { NATS_USER: local?.natsUser, NATS_PASSWORD: local?.natsPassword }
  return natsAddress({ NATS_URL, NATS_USER, NATS_PASSWORD, ...stack, ...commander })
}

function localStack() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  try {
    return JSON.parse(readFileSync(join(process.env.DATA_DIR || join(root, 'data'), 'local.json'), 'utf8'))
  } catch {
    return undefined
  }
}
