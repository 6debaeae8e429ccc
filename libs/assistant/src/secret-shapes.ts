// What a secret looks like by itself: the tokens that their issuers gave a prefix, JSON Web Tokens, private keys, and
// passwords in URLs. The shapes are those that the issuers publish or that secret scanners agree on.

/** A text holds what looks like a secret. `kind` is said to people: "an OpenAI API key". */
interface Shape {
  readonly kind: string
  /** One of these stands in every such secret: most texts have none, and are not searched. */
  readonly hints: readonly string[]
  readonly pattern: RegExp
}

/**
 * A token begins where a run of word characters and hyphens begins, and no shape goes past such a run but at a dot:
 * so a text is gone through once, whatever is in it. It also leaves `risk-…` and the middle of base64 alone.
 */
const token = (kind: string, hints: readonly string[], source: string): Shape => ({
  kind,
  hints,
  pattern: new RegExp(`(?<![\\w-])(?:${source})(?![\\w-])`, 'g'),
})

const SHAPES: readonly Shape[] = [
  token('an Anthropic API key', ['sk-ant-'], 'sk-ant-[\\w-]{20,}'),
  token('an OpenRouter API key', ['sk-or-'], 'sk-or-[\\w-]{32,}'),
  token(
    'an OpenAI API key',
    ['sk-'],
    'sk-(?:proj|svcacct|admin|service|None)-[\\w-]{20,}|sk-(?=[A-Za-z]*\\d)(?=\\d*[A-Za-z])[A-Za-z0-9]{32,}',
  ),
  token(
    'a LangSmith API key',
    ['lsv2_', 'ls__'],
    'lsv2_(?:pt|sk)_[0-9a-f]{16,}_[0-9a-f]{8,}|ls__[0-9a-f]{32}',
  ),
  token('a Groq API key', ['gsk_'], 'gsk_[A-Za-z0-9]{40,}'),
  token('an xAI API key', ['xai-'], 'xai-[A-Za-z0-9]{40,}'),
  token('a Perplexity API key', ['pplx-'], 'pplx-[A-Za-z0-9]{40,}'),
  token('a Tavily API key', ['tvly-'], 'tvly-(?:dev-|prod-)?[A-Za-z0-9]{20,}'),
  token('a Hugging Face token', ['hf_'], 'hf_[A-Za-z]{30,}'),
  token('a Replicate token', ['r8_'], 'r8_[A-Za-z0-9]{30,}'),
  token('a Pinecone API key', ['pcsk_'], 'pcsk_[A-Za-z0-9_]{40,}'),
  token('an AWS access key id', ['AKIA', 'ASIA'], 'A(?:KI|SI)A[A-Z2-7]{16}'),
  token('a Google API key', ['AIza'], 'AIza[\\w-]{35}'),
  token('a Google OAuth client secret', ['GOCSPX-'], 'GOCSPX-[\\w-]{20,}'),
  token('a GitHub token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], 'gh[opusr]_[A-Za-z0-9]{36,}'),
  token('a GitHub token', ['github_pat_'], 'github_pat_\\w{40,}'),
  token('a GitLab token', ['glpat-'], 'glpat-[\\w-]{20,}'),
  token('a Slack token', ['xox'], 'xox[abeoprs]-[A-Za-z0-9-]{20,}'),
  token('a Slack token', ['xapp-'], 'xapp-\\d-[A-Za-z0-9-]{20,}'),
  token('a Stripe key', ['_live_', '_test_'], '[rs]k_(?:live|test)_[A-Za-z0-9]{16,}'),
  token('a SendGrid API key', ['SG.'], 'SG\\.[\\w-]{22}\\.[\\w-]{43}'),
  token('an npm token', ['npm_'], 'npm_[A-Za-z0-9]{36}'),
  token('a DigitalOcean token', ['dop_v1_'], 'dop_v1_[0-9a-f]{64}'),
  token('a JSON Web Token', ['eyJ'], 'eyJ[\\w-]{10,}\\.eyJ[\\w-]{10,}\\.[\\w-]{16,}'),
]

/** No secret that has a shape is shorter. */
const SHORTEST = 16

/** What a text looks like it holds; undefined for nothing. */
export function secretShapeIn(text: string): string | undefined {
  if (text.length < SHORTEST) return undefined
  for (const { kind, hints, pattern } of SHAPES) {
    if (!hints.some((hint) => text.includes(hint))) continue
    for (const [found] of text.matchAll(pattern)) if (!saysPlaceholder(found)) return kind
  }
  if (hasPrivateKey(text)) return 'a private key'
  return hasUrlWithPassword(text) ? 'a URL with a password' : undefined
}

/** Whether a text stands for a secret that somebody has yet to fill in, or is an example of a manual. */
export const isPlaceholder = (text: string): boolean =>
  saysPlaceholder(text) || /0123456789|1234567890|abcdefghij/i.test(text)

/**
 * Whether it says so itself. What has an issuer's prefix and full length is none for a run of the alphabet alone: keys that
 * are made up like that are put where real ones go.
 */
const saysPlaceholder = (text: string): boolean =>
  /\.{3}|…|\*{3}|(.)\1{5}|^\$|\$\{|\{\{|\{[\w .-]+\}|<[^>]*>|%[A-Z_]+%/.test(text) ||
  /example|placeholder|change.?me|redacted|dummy|your[-_ ]|^(?:my|insert|replace)[-_ ]/i.test(text)

const PEM = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g
/** Characters after the head of a private key that are looked at, and how many of them have to be base64. */
const PEM_BODY = { looked: 200, least: 40 } as const

/** The head alone may stand in a prompt that says what to look out for. */
function hasPrivateKey(text: string): boolean {
  if (!text.includes('PRIVATE KEY')) return false
  for (const { index, 0: head } of text.matchAll(PEM)) {
    const body = text.slice(index + head.length, index + head.length + PEM_BODY.looked)
    const [, base64 = ''] = /^(?:\\n|\s|[A-Za-z-]{1,20}: [^\n]{0,60})*([A-Za-z0-9+/=]+)/.exec(body) ?? []
    if (base64.length >= PEM_BODY.least && !isPlaceholder(base64)) return true
  }
  return false
}

/** From the `//` on; bounded, so that a text full of such beginnings costs little. */
const USER_AND_PASSWORD = /[^\s/:@?#]{0,128}:([^\s/@?#]{3,256})@[\w[]/y
const NO_PASSWORD = /^(?:pass(?:word|wd)?|pwd|secret|token|user|admin|root|postgres|guest|test)$/i

function hasUrlWithPassword(text: string): boolean {
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    USER_AND_PASSWORD.lastIndex = at + 3
    const password = USER_AND_PASSWORD.exec(text)?.[1]
    if (password !== undefined && !NO_PASSWORD.test(password) && !isPlaceholder(password)) return true
  }
  return false
}
