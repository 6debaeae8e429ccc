// The module of owners.mts, in JavaScript.
import { Auth, HTTPException } from '@langchain/langgraph-sdk/auth'

export const auth = new Auth()
  .authenticate(async (request) => {
    const [, identity, form = 'plain'] =
      /^Bearer (\w+)(?:\/([\w-]+))?$/.exec(request.headers.get('authorization') ?? '') ?? []
    if (!identity) throw new HTTPException(401, { message: 'No such user', headers: { 'X-Why': 'token' } })
    return { identity, permissions: ['assistants'], form, org: 'acme' }
  })
  .on('assistants:create', ({ value, user }) => {
    const { identity, org } = user
    value.metadata = { ...value.metadata, owner: identity, readers: [identity, 'staff'], org }
    return filterOf(user)
  })
  .on('assistants', ({ user }) => filterOf(user))

function filterOf({ identity, form, org }) {
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
      return false
  }
}
