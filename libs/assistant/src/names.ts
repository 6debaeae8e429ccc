// Names of streams, and how a name of any characters becomes one token of a subject, key or stream name.
// Storage format: streams are found by these exact prefixes.

export const assistantStream = (project: string, id: string): string => `assistant.${project}-${id}`
export const graphStream = (project: string, graph: string): string =>
  `graph.${project}-${encodeToken(graph)}`
export const fleetStream = (project: string, id: string): string => `fleet.${project}-${id}`
export const ledgerStream = (project: string): string => `ledger.${project}`

/** The prefixes of a project's streams, and the name of its ledger stream: what the projection follows. */
export const streamPrefixes = (project: string): readonly string[] => [
  assistantStream(project, ''),
  fleetStream(project, ''),
  graphStream(project, ''),
  ledgerStream(project),
]

/** The assistant id in a stream name `assistant.<project>-<uuid>`, undefined for any other stream. */
export function assistantIdOf(stream: string): string | undefined {
  if (!stream.startsWith('assistant.')) return undefined
  const dash = stream.indexOf('-')
  return dash < 0 ? undefined : stream.slice(dash + 1)
}

const PLAIN = /^[A-Za-z0-9_-]$/

/** Characters outside `[A-Za-z0-9_-]` as `=XX`, upper-case hex of their UTF-8 bytes. */
export function encodeToken(name: string): string {
  let token = ''
  for (const byte of Buffer.from(name, 'utf8')) {
    const character = String.fromCharCode(byte)
    token +=
      byte < 0x80 && PLAIN.test(character)
        ? character
        : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return token
}

/** The name that {@link encodeToken} made a token of. */
export function decodeToken(token: string): string {
  const bytes: number[] = []
  for (let i = 0; i < token.length; i++) {
    if (token[i] === '=') {
      bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16))
      i += 2
    } else bytes.push(token.charCodeAt(i))
  }
  return Buffer.from(bytes).toString('utf8')
}
