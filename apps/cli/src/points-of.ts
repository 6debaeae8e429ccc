// The points of an assistant that may come next on a command line: its environments and its newest versions.
import type { Candidate } from './complete.js'
import { listEnvironments, listVersions, searchAssistants } from './service/assistants.js'
import { assistantId } from './service/naming.js'
import type { Service } from './service/service.js'
import { relative } from './time.js'

/** So many versions are offered. */
const OFFERED = 20

/** The environments that there are. @param meant absent: any assistant has them */
export async function environmentsOf(service: Service, meant: string | undefined): Promise<Candidate[]> {
  const id = meant === undefined ? await anyOf(service) : await assistantId(service, meant)
  if (id === undefined) return []
  const { body } = await listEnvironments(service, id)
  return body.map(({ environment, version }) => ({
    value: environment,
    ...(meant === undefined
      ? {}
      : { description: version === null ? 'nothing was promoted there' : `version ${version}` }),
  }))
}

export async function versionsOf(service: Service, meant: string): Promise<Candidate[]> {
  const { body } = await listVersions(service, await assistantId(service, meant), OFFERED)
  return body.map(({ version, created_at }) => ({
    value: String(version),
    description: `made ${relative(created_at)}`,
  }))
}

async function anyOf(service: Service): Promise<string | undefined> {
  for await (const { assistant_id } of searchAssistants(service, {}, 1)) return assistant_id
  return undefined
}
