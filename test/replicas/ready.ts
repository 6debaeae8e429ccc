// What a replica says of itself over HTTP: whether it does its work, and each part in a word.
import { expect } from '@jest/globals'
import type { RegistryProcess } from '../support/registry.js'

export interface Ready {
  readonly code: number
  readonly words: Readonly<Record<string, string>>
  readonly details: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** The words of the parts of a replica that lacks nothing; who leads publishes and records, the others stand by. */
export const WELL = {
  service: 'serving',
  log: 'there',
  read_model: 'current',
  bus: 'connected',
  publication: expect.stringMatching(/^(current|standby)$/),
  fleet: expect.stringMatching(/^(recording|standby)$/),
}

export const readyAt = async (url: string): Promise<Ready> => {
  const answer = await fetch(`${url}/health/ready`)
  const { details } = (await answer.json()) as Pick<Ready, 'details'>
  const words = Object.entries(details).map(([name, { word }]) => [name, word])
  return { code: answer.status, words: Object.fromEntries(words), details }
}

/** Of a replica that has said that it is ready, and where. */
export const readyOf = (replica: RegistryProcess): Promise<Ready> => {
  const [, url = ''] = /^registry ready: .* HTTP (http:\S+?)[, ]/m.exec(replica.said()) ?? []
  return readyAt(url)
}
