// The two databases that a read model may be in, each the real one: what a test of the read model runs on.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openReadModel, PROJECTION_VERSION, type ReadModel } from '@assistant-ledger/read-model'
import { rowsOf } from '../faults/records.js'
import { startPostgres } from '../support/postgres.js'
import { rowsOfSchema } from '../support/postgres-rows.js'

/** Room for the read models of one test, each by a name of its own. */
export interface Place {
  /** Opens one that is there, or makes it; what is still open at the end is closed. */
  open(name: string, project?: string): Promise<ReadModel>
  /** Every row of every table. */
  rows(name: string, project?: string): Promise<Record<string, string[]>>
  close(): Promise<void>
}

export interface Databases {
  place(): Promise<Place>
  stop(): Promise<void>
}

export const DATABASES: readonly (readonly [name: string, start: () => Promise<Databases>])[] = [
  ['SQLite', sqlite],
  ['PostgreSQL', postgres],
]

async function sqlite(): Promise<Databases> {
  const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-read-models-'))
  const stop = () => rm(directory, { recursive: true, force: true })
  return { place: () => sqlitePlace(directory), stop }
}

async function sqlitePlace(parent: string): Promise<Place> {
  const directory = await mkdtemp(join(parent, 'place-'))
  const file = (name: string) => join(directory, `${name}.db`)
  const models: ReadModel[] = []
  return {
    open: async (name, project = 'default') =>
      kept(models, await openReadModel({ file: file(name), project })),
    rows: async (name) => rowsOf(file(name)),
    close: () => closed(models),
  }
}

async function postgres(): Promise<Databases> {
  const server = await startPostgres()
  let places = 0
  const place = async (): Promise<Place> => {
    const number = ++places
    const urls = new Map<string, Promise<string>>()
    const urlOf = (name: string) => {
      const url = urls.get(name) ?? server.createDatabase(`place_${number}_${name}`)
      urls.set(name, url)
      return url
    }
    const models: ReadModel[] = []
    return {
      open: async (name, project = 'default') =>
        kept(models, await openReadModel({ url: await urlOf(name), project })),
      rows: async (name, project = 'default') =>
        rowsOfSchema(await urlOf(name), `ledger_${project}_v${PROJECTION_VERSION}`),
      close: () => closed(models),
    }
  }
  return { place, stop: () => server.stop() }
}

function kept(models: ReadModel[], model: ReadModel): ReadModel {
  models.push(model)
  return model
}

async function closed(models: ReadModel[]): Promise<void> {
  for (const model of models.splice(0)) await model.close()
}
