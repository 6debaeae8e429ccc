// Subjects, keys and the tokens they are made of. Everything a client says or hears is named here.

const PLAIN = /[A-Za-z0-9_-]/

/** A name as one token of a subject: bytes outside `[A-Za-z0-9_-]` as `=XX`, upper-case hex of the UTF-8. */
export function encodeToken(name: string): string {
  let token = ''
  for (const byte of Buffer.from(name, 'utf8')) {
    const character = String.fromCharCode(byte)
    token += PLAIN.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return token
}

/** The name that {@link encodeToken} made a token of. */
export function decodeToken(token: string): string {
  return Buffer.from(
    token.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8')
}

export const WATERMARK = '_watermark'

export const bucketOf = (project: string): string => `assistant_configs_${project}`
export const streamOf = (project: string): string => `KV_${bucketOf(project)}`

/** What every subject of a project's bucket starts with; the rest is the key. */
export const keyPrefix = (project: string): string => `$KV.${bucketOf(project)}.`

/** `<environment>.<graph>`, as tokens. */
export const graphKey = (environment: string, graph: string): string =>
  `${encodeToken(environment)}.${encodeToken(graph)}`

export const configKey = (environment: string, graph: string, assistantId: string): string =>
  `${graphKey(environment, graph)}.${assistantId}`

export const watermarkKey = (environment: string, graph: string): string =>
  `${graphKey(environment, graph)}.${WATERMARK}`

export const versionSubject = (project: string): string => `assistants.v1.${project}.version`

export const reportSubject = (project: string, runner: string, assistantId: string): string =>
  `assistants.v1.${project}.acks.${encodeToken(runner)}.${assistantId}`

export const presenceSubject = (project: string, runner: string): string =>
  `assistants.v1.${project}.runners.${encodeToken(runner)}`

export const registerSubject = (project: string): string => `assistants.v1.${project}.graphs.register`

export const controlSubject = (project: string, runner: string): string =>
  `assistants.v1.${project}.control.${encodeToken(runner)}`
