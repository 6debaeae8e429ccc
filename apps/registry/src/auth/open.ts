// Which way in there is, from what the manifest and the settings name. Whatever is in doubt stops the start: a service
// that took a guess would be open, or closed, without anybody having said so.
import { warn } from '../lines.js'
import { type AuthWay, BadSetting, isLoopback, type Settings } from '../settings.js'
import { ApiKeys } from './api-keys.js'
import { type Authorizer, HttpRefusal, OPEN } from './authorizer.js'
import { Jwt } from './jwt.js'
import { isPython, loadAuth } from './load.js'
import { ModuleAuthorizer, type Studio } from './module.js'
import { type NamedAuth, readAuth } from './named.js'
import { Remembered } from './remembered.js'
import { seeingSystemAssistants } from './system.js'
import { TokenAuthorizer } from './tokens.js'

type AuthorizerSettings = Pick<
  Settings,
  'host' | 'nats' | 'environments' | 'langgraphJson' | 'langgraphJsonAsked' | 'langgraph' | 'auth'
>

/**
 * @param langgraphJson the manifest that may name a module
 * @param load how a module is imported
 * @throws BadSetting one line
 */
export async function openAuthorizer(
  settings: AuthorizerSettings,
  langgraphJson: string = settings.langgraphJson,
  load?: Parameters<typeof loadAuth>[2],
): Promise<Authorizer> {
  const { host, nats, environments, auth } = settings
  const named = readAuth({ ...settings, langgraphJson })
  const way = wayOf(auth, named, langgraphJson)
  if (way === 'none') {
    if (auth.way === undefined && !isLoopback(host))
      throw new BadSetting(
        `HOST is ${JSON.stringify(host)}, which others reach, and nobody would be asked who they are: set AUTH_ISSUER or API_KEYS_FILE, name an auth module in langgraph.json, or set AUTH=none`,
      )
    return OPEN
  }
  if (!nats.login)
    throw new BadSetting(
      'over HTTP everybody is asked who they are, but over NATS nobody is: on one machine start everything with `npm start -- --secure`; with a NATS of your own give it accounts (`npm run nats-conf`) and set NATS_USER and NATS_PASSWORD; or ask nobody with AUTH=none',
    )
  const keys = auth.apiKeysFile === undefined ? undefined : ApiKeys.read(auth.apiKeysFile, environments)
  if (way === 'tokens') return new TokenAuthorizer(auth.jwt && new Jwt(auth.jwt), keys, environments)
  const { path, disableStudioAuth, cache } = named as NamedAuth
  const studio = disableStudioAuth ? undefined : studioOf(settings, keys)
  const module = await loadAuth(path, langgraphJson, load)
  const authorizer = new ModuleAuthorizer(module, studio, cache && new Remembered(cache))
  return auth.seeSystemAssistants ? seeingSystemAssistants(authorizer) : authorizer
}

function wayOf(auth: Settings['auth'], named: NamedAuth | undefined, manifest: string): AuthWay {
  const { way, jwt, apiKeysFile } = auth
  const tokens = jwt !== undefined || apiKeysFile !== undefined
  if (way === 'module' && !named)
    throw new BadSetting(`AUTH is module, but ${manifest} has no "auth": {"path"}`)
  if (way !== undefined) return way
  if (!named) return tokens ? 'tokens' : 'none'
  if (!tokens) return 'module'
  if (isPython(named.path)) return 'tokens'
  throw new BadSetting(
    `${manifest} names the auth module ${named.path}, and ${jwt ? 'AUTH_ISSUER' : 'API_KEYS_FILE'} is set: set AUTH=tokens to pass the module over${jwt ? '' : ', or AUTH=module, where keys are for LangGraph Studio alone'}`,
  )
}

/** Studio says of itself that it is Studio; nothing else of what it sends can be checked here but a key. */
function studioOf({ host, auth }: AuthorizerSettings, keys: ApiKeys | undefined): Studio {
  if (auth.studio === 'open') {
    if (!isLoopback(host))
      throw new BadSetting(
        `STUDIO_AUTH is open, but HOST is ${JSON.stringify(host)}, which others than LangGraph Studio reach too`,
      )
    warn('STUDIO_AUTH is open: whoever says to be LangGraph Studio is let in as its user')
    return async () => {}
  }
  return async ({ headers }) => {
    const key = headers.get('x-api-key')
    if (!keys || !key)
      throw new HttpRefusal(401, 'LangGraph Studio is let in with an X-Api-Key of API_KEYS_FILE')
    await keys.holderOf(key)
  }
}
