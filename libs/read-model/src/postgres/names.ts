// How a project's schemas are called. Storage format: a database keeps these names.
import { PROJECTION_VERSION } from '../schema.js'

/** What spans the projection's versions. */
export const controlSchema = (project: string): string => `ledger_${project}`

/** The tables of one projection version. Also the channel on which its checkpoint's moves are told. */
export const versionSchema = (project: string, version = PROJECTION_VERSION): string =>
  `ledger_${project}_v${version}`

/** What is built beside them, and takes their place. */
export const rebuiltSchema = (project: string, version = PROJECTION_VERSION): string =>
  `${versionSchema(project, version)}_rebuilt`

/** What they were before that, as long as somebody still reads it. */
export const replacedSchema = (project: string): string => `${versionSchema(project)}_replaced`

/**
 * Refuses a project whose schemas could be taken for those of another one.
 * @throws Error
 */
export function checkProject(project: string): void {
  if (!/^[a-z0-9_]{1,32}$/.test(project)) throw new Error(`${project} is not the name of a project`)
  if (/_v\d+(_rebuilt|_replaced)?$/.test(project))
    throw new Error(`project ${project}: with PostgreSQL a project's name cannot end in _v and a number`)
}
