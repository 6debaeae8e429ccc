// An auth module as its users write it: who asks stands in the token, and so does the form of the filter.
import { Auth, HTTPException } from '@langchain/langgraph-sdk/auth'

type Form = 'plain' | 'eq' | 'contains' | 'contains-all' | 'or' | 'and' | 'nested'

export const auth = new Auth()
  .authenticate(async (request: Request) => {
    const [, identity, form = 'plain'] =
      /^Bearer (\w+)(?:\/([\w-]+))?$/.exec(request.headers.get('authorization') ?? '') ?? []
    if (!identity) throw new HTTPException(401, { message: 'No such user', headers: { 'X-Why': 'token' } })
    return { identity, permissions: ['assistants'], form, org: 'acme' }
  })
  .on('assistants:create', ({ value, user }) => {
    const { identity, org } = user as unknown as { identity: string; org: string }
    value.metadata = { ...value.metadata, owner: identity, readers: [identity, 'staff'], org }
    return filterOf(user as never) as never
  })
  .on('assistants', ({ user }) => filterOf(user as never) as never)

function filterOf({ identity, form, org }: { identity: string; form: Form; org: string }): object {
  switch (form) {
    case 'plain':
      return { owner: identity }
    case 'eq':
      return { owner: { $eq: identity } }
    case 'contains':
      return { readers: { $contains: identity } }
    case 'contains-all':
      return { readers: { $contains: [identity, 'staff'] } }
    case 'or':
      return { $or: [{ owner: identity }, { owner: 'nobody' }] }
    case 'and':
      return { $and: [{ owner: identity }, { org: { $eq: org } }] }
    case 'nested':
      return { org, $or: [{ owner: 'nobody' }, { $and: [{ owner: identity }, { org }] }] }
    default:
      return form satisfies never
  }
}
