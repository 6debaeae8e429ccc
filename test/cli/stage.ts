// What the tests of the command stand on: a registry with HTTP, a command for it, maybe a runner that follows it, and
// assistants of names that no other has.
import { randomUUID } from 'node:crypto'
import { followAssistants } from '@assistant-ledger/client'
import { until } from '../faults/until.js'
import { type Answer, type HttpService, startHttpService } from '../http/service.js'
import { type Command, commandFor } from './assistants.js'

/** What the runner refuses. */
export const BANNED = 'sample-banned'

export type Runner = Awaited<ReturnType<typeof followAssistants>>

export interface Stage {
  readonly http: HttpService
  readonly command: Command
  /** A new assistant of the graph writer, made by ann. */
  made(context?: object, more?: object): Promise<{ readonly id: string; readonly name: string }>
  /** A new version of it. */
  changed(id: string, body: object, headers?: Record<string, string>, query?: string): Promise<Answer>
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  shown(id: string, query?: string): Promise<any>
  stop(): Promise<void>
}

/** @param env of the registry */
export async function startStage(env: Record<string, string> = {}): Promise<Stage> {
  const http = await startHttpService(env)
  const command = await commandFor(http.url)
  return {
    http,
    command,
    async made(context = { model: 'sample-1' }, more = {}) {
      const name = `Blog ${randomUUID()}`
      const body = { graph_id: 'writer', name, context, ...more }
      const answer = await http.send('POST', '/assistants', body, { 'x-actor': 'ann' })
      return { id: answer.body.assistant_id as string, name }
    },
    changed: (id, body, headers = {}, query = '') =>
      http.send('PATCH', `/assistants/${id}${query}`, body, headers),
    shown: async (id, query = '') => (await http.send('GET', `/assistants/${id}${query}`)).body,
    async stop() {
      await command.remove()
      await http.stop()
    },
  }
}

/** A runner named `eu` on the graph writer in `live`, which the registry knows of; whoever has it closes it. */
export async function startRunner({ http }: Stage): Promise<Runner> {
  const runner = await followAssistants({
    servers: http.service.nats.url,
    environment: 'live',
    graphs: ['writer'],
    runner: { name: 'eu', build: 'test' },
    validate: ({ context }) => context.model !== BANNED || 'the model is not allowed here',
  })
  await until(
    'the runner there',
    10_000,
    async () => (await http.send('GET', '/fleet')).body,
    (runners: unknown[]) => runners.length === 1,
  )
  return runner
}
