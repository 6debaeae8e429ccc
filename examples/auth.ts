// EXAMPLE_TOKENS=ada:tea,bob:rye LANGGRAPH_AUTH='{"path":"./examples/auth.ts:auth"}' npm start -- --secure
import { Auth, HTTPException } from '@langchain/langgraph-sdk/auth'

/** Who holds which token. Yours asks whoever gives out your tokens. */
const tokens = (process.env.EXAMPLE_TOKENS ?? '').split(',').map((pair) => pair.split(':'))

export const auth = new Auth()
  .authenticate(async (request: Request) => {
    const [, shown] = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '') ?? []
    const [identity] = tokens.find(([, token]) => token && token === shown) ?? []
    if (!identity) throw new HTTPException(401, { message: 'Show a token: Authorization: Bearer <token>' })
    return { identity, permissions: [] }
  })
  // Whoever makes an assistant owns it, whatever the request says.
  .on('assistants:create', ({ value, user }) => {
    value.metadata = { ...value.metadata, owner: user.identity }
    return { owner: user.identity }
  })
  // The filter lets owners change their own alone; the check keeps them from giving one away.
  .on('assistants:update', ({ value, user }) => {
    const { owner = user.identity } = value.metadata ?? {}
    if (owner !== user.identity)
      throw new HTTPException(403, { message: 'An assistant stays with its owner: leave metadata.owner out' })
    return { owner: user.identity }
  })
  // Everything else: what is another's is not there.
  .on('assistants', ({ user }) => ({ owner: user.identity }))
