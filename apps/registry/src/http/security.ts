// What langgraph.json says that an OpenAPI document has to say of who may ask (`auth.openapi`).
import type { OpenAPIObject } from '@nestjs/swagger'
import type { Section } from '../section.js'

type Requirements = NonNullable<OpenAPIObject['security']>
type Components = NonNullable<OpenAPIObject['components']>

export interface Security {
  readonly schemes: NonNullable<Components['securitySchemes']>
  /** Of every route; undefined: nothing is said. */
  readonly security: Requirements | undefined
  /** Of some: path, method, requirements. */
  readonly paths: readonly (readonly [path: string, method: string, security: Requirements])[]
}

/** @throws BadSetting one line */
export function readSecurity(openapi: Section): Security {
  const schemes = openapi.section('securitySchemes')
  const paths = openapi.section('paths')
  return {
    schemes: Object.fromEntries(
      (schemes?.names ?? []).map((name) => [name, schemes?.value(name)]),
    ) as Security['schemes'],
    security: requirementsIn(openapi, 'security'),
    paths: (paths?.names ?? []).flatMap((path) => {
      const methods = paths?.section(path)
      return (methods?.names ?? []).map(
        (method) =>
          [path, method.toLowerCase(), requirementsIn(methods as Section, method) as Requirements] as const,
      )
    }),
  }
}

function requirementsIn(section: Section, name: string): Requirements | undefined {
  const value = section.value(name)
  if (value === undefined) return undefined
  const fits =
    Array.isArray(value) &&
    value.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))
  if (!fits) throw section.fault(name, 'is no list of objects, such as [{"OAuth2": ["read"]}]')
  return value as Requirements
}

/** What is said of routes that are not here is left out. */
export function secure(document: OpenAPIObject, { schemes, security, paths }: Security): void {
  document.components = {
    ...document.components,
    securitySchemes: { ...document.components?.securitySchemes, ...schemes },
  }
  if (security) document.security = security
  for (const [path, method, requirements] of paths) {
    const routes = Object.hasOwn(document.paths, path) ? document.paths[path] : undefined
    const operation = routes?.[method as 'get']
    if (operation) operation.security = requirements
  }
}
