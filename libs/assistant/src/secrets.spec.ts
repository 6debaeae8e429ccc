import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { JsonValue } from './json.js'
import { likelySecrets, SECRET_LIMITS } from './secrets.js'

/** Put together here, so that no scanner of this repository takes them for real ones. */
const of = (prefix: string, rest: string) => prefix + rest
const R = 'q7Zt2LmX9vRk4Bn8Wc3Yd6Pf1Hs5Gj0Ta' // 33 characters of all three kinds
const HEX = '9f86d081884c7d659a2feaa0c55ad015'
const JWT = of('eyJhbGciOiJIUzI1NiJ9', `.eyJzdWIiOiI0MiIsIm5hbWUiOiJBZGEifQ.${R}`)
const PEM = of(
  '-----BEGIN RSA PRIVATE',
  ` KEY-----\nMIIEpAIBAAKCAQEA${R}${R}${R}\n-----END RSA PRIVATE KEY-----`,
)

const kindsIn = (context: Record<string, JsonValue>) => likelySecrets({ context }).map(({ kind }) => kind)

describe('a text that is a secret by its shape, under any name', () => {
  test.each([
    ['an OpenAI API key', of('sk-proj-', `${R}_${R}-x`)],
    ['an OpenAI API key', of('sk-', `${R.slice(0, 20)}T3BlbkFJ${R.slice(0, 20)}`)],
    ['an OpenAI API key', of('sk-', HEX)],
    ['an OpenAI API key', of('sk-svcacct-', R)],
    ['an Anthropic API key', of('sk-ant-', `api03-${R}-${R}AA`)],
    ['an OpenRouter API key', of('sk-or-', `v1-${HEX}${HEX}`)],
    ['a LangSmith API key', of('lsv2_', `pt_${HEX}_0123abcdef`)],
    ['a LangSmith API key', of('lsv2_', `sk_${HEX}_9f86d08188`)],
    ['a LangSmith API key', of('ls__', HEX)],
    ['a Groq API key', of('gsk_', `${R}${R}`)],
    ['an xAI API key', of('xai-', `${R}${R}`)],
    ['a Perplexity API key', of('pplx-', `${R}${R}`)],
    ['a Tavily API key', of('tvly-', `dev-${R}`)],
    ['a Hugging Face token', of('hf_', 'qZtLmXvRkBnWcYdPfHsGjTaQwErUyIoP')],
    ['a Replicate token', of('r8_', R)],
    ['a Pinecone API key', of('pcsk_', `${R}_${R}`)],
    ['an AWS access key id', of('AKIA', 'QZTL2MXVRK4BNWC3')],
    ['an AWS access key id', of('ASIA', 'QZTL2MXVRK4BNWC3')],
    ['a Google API key', of('AIza', `Sy${R}`.slice(0, 35))],
    ['a Google OAuth client secret', of('GOCSPX-', R)],
    ['a GitHub token', of('ghp_', `${R}abc`)],
    ['a GitHub token', of('gho_', `${R}abc`)],
    ['a GitHub token', of('github_pat_', `${R}_${R}`)],
    ['a GitLab token', of('glpat-', R)],
    ['a Slack token', of('xoxb-', `123456789-987654321-${R}`)],
    ['a Slack token', of('xapp-', `1-A0-${R}`)],
    ['a Stripe key', of('sk_live_', R)],
    ['a Stripe key', of('rk_test_', R)],
    ['a SendGrid API key', of('SG.', `${R.slice(0, 22)}.${R}${R.slice(0, 10)}`)],
    ['an npm token', of('npm_', `${R}abc`.slice(0, 36))],
    ['a DigitalOcean token', of('dop_v1_', `${HEX}${HEX}`)],
    ['a JSON Web Token', JWT],
    ['a private key', PEM],
    ['a private key', PEM.replaceAll('\n', '\\n')],
    ['a private key', of('-----BEGIN PRIVATE', ` KEY-----\n${R}${R}`)],
    ['a URL with a password', of('postgres://', 'ledger:s3Kr-tt9@db.internal:5432/app')],
    ['a URL with a password', of('redis://', ':s3Krtt9@cache:6379')],
  ])('%s: %j', (kind, text) => {
    expect(kindsIn({ note: text })).toEqual([kind])
    expect(kindsIn({ prompt: `Call it with "${text}", then answer.` })).toEqual([kind])
    expect(kindsIn({ deep: [{ list: ['a', { command: `curl -H 'Key: ${text}'` }] }] })).toEqual([kind])
  })
})

test.each([
  ['an OpenAI API key', of('sk-proj-', 'abcdEFGHijklMNOPqrstUVWX0123456789abcdEFGHijklMN')],
  ['an OpenAI API key', of('sk-', '1234567890abcdef1234567890abcdef')],
  ['a GitHub token', of('ghp_', 'abcdefghijklmnopqrstuvwxyz0123456789')],
])('%s that was made up from the alphabet is one: it stands where a real one goes', (kind, text) => {
  expect(kindsIn({ api_key: text })).toEqual([kind])
  expect(kindsIn({ prompt: `Call it with ${text}.` })).toEqual([kind])
})

describe('a random text under a name that says that it is a secret', () => {
  test.each([
    'api_key',
    'apiKey',
    'API-KEY',
    'openai_api_key',
    'x-api-key',
    'apikey',
    'OPENAI_API_KEY',
    'secret',
    'client_secret',
    'clientSecret',
    'aws_secret_access_key',
    'secretKey',
    'private_key',
    'signing_key',
    'token',
    'access_token',
    'accessToken',
    'bot_token',
    'refresh_tokens',
    'auth_token',
    'authorization',
    'password',
    'db_password',
    'passphrase',
    'credentials',
  ])('%s', (name) => {
    expect(kindsIn({ [name]: R })).toEqual(['a secret'])
    expect(kindsIn({ [name]: { first: R } })).toEqual(['a secret'])
    expect(kindsIn({ [name]: [R] })).toEqual(['a secret'])
  })

  test.each([
    ['api_key', HEX],
    ['api_key', '3f0f6c0a-6d2f-4b7e-9a54-2f1d7d9c8e01'],
    ['authorization', `Bearer ${R}`],
    ['secret', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzq+Lm2Ka9'],
    ['password', 'hunter2'],
    ['password', 'Tr0ub4dor&3'],
  ])('%s: %s', (name, value) => expect(kindsIn({ [name]: value })).toEqual(['a secret']))
})

describe('no false alarm', () => {
  test.each<[string, JsonValue]>([
    ['prompt', 'Never print keys such as sk-..., sk-proj-xxxxxxxxxxxxxxxxxxxxxxxx or anything after AKIA.'],
    ['prompt', 'Redact everything from -----BEGIN PRIVATE KEY----- on, and passwords like hunter2.'],
    [
      'prompt',
      'Reply with the api_key, the token and the password fields removed: risk-assessment-of-token-secrets.',
    ],
    [
      'prompt',
      'Use postgres://user:password@localhost:5432/db or https://api.example.com:8443/v1?q=a@b for tests.',
    ],
    [
      'prompt',
      'The task-2f9a81cc07e94b6c8d1a5e3f7b2c4d6e is done; see disk-0123456789abcdef0123456789abcdef.',
    ],
    ['content_hash', `${HEX}${HEX}`],
    ['sha256', `${HEX}${HEX}`],
    ['password_hash', `${HEX}${HEX}`],
    ['prompt_commit', `${HEX}9f86d081`],
    ['id', '3f0f6c0a-6d2f-4b7e-9a54-2f1d7d9c8e01'],
    ['thread_id', '3f0f6c0a-6d2f-4b7e-9a54-2f1d7d9c8e01'],
    ['image', `data:image/png;base64,${R}AKIAQZTL2MXVRK4BNWC3${R}${R}==`],
    ['model', 'claude-sonnet-4-5-20250929'],
    ['model', 'ft:gpt-4o-mini-2024-07-18:acme::9XkQz1Ab'],
    ['api_key', 'sk-...'],
    ['api_key', 'sk-your-key-here'],
    ['api_key', of('sk-proj-', 'your-key-here-0123456789abcdefghij')],
    ['api_key', 'sk-your-api-key-here-0000'],
    ['api_key', of('$', '{OPENAI_API_KEY}')],
    ['api_key', '$OPENAI_API_KEY'],
    ['api_key', '{{ secrets.openai_key_2 }}'],
    ['api_key', '{openai_api_key_2_of_this_user}'],
    ['api_key', '<your key of 32 characters, a1b2>'],
    ['api_key', '%OPENAI_API_KEY%'],
    ['api_key', 'OPENAI_API_KEY_2'],
    ['api_key', 'env:OPENAI_API_KEY2024ABCDEF'],
    ['api_key', 'process.env.OPENAI_API_KEY_2024X'],
    ['api_key', 'os.environ["OPENAI_KEY_12345678"]'],
    ['api_key', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1'],
    ['api_key', '********************a1'],
    ['api_key', 'changeme-please-12345'],
    ['api_key', '1234567890abcdef1234567890abcdef'],
    ['api_key', '<0a1b2c3d4e5f6a7b8c9d>'],
    ['password', 'your-password1!'],
    ['api_key', 'fake'],
    ['api_key', ''],
    ['api_key', null],
    ['api_key', 12345678901234],
    ['api_key', true],
    ['secret', 'vault:kv/data/openai#key0123456789ab'],
    ['secret', 'op://Private/OpenAI2/credential9a8b7c6d'],
    ['secret', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:openai-a1b2c3'],
    ['secret', 'projects/acme-prod-2024/secrets/openai/versions/3'],
    ['secret', '/run/secrets/openai_key_a1b2c3d4e5f6'],
    ['secret', 'Prod-OpenAI-Key-2024-Europe'],
    ['secret', 'the-name-of-the-entry'],
    ['secret', 'the answer is kept at the front desk, room 101'],
    ['secret_name', 'a1b2c3d4e5f6a7b8c9d0'],
    ['api_key_id', 'a1b2c3d4e5f6a7b8c9d0'],
    ['credentials', { type: 'service_account', project_id: 'my-project-123456', region: 'europe-west1' }],
    ['token', 'https://login.acme.test/oauth2/v2.0/token/a1b2c3d4e5f6a7b8'],
    ['max_tokens', 4096],
    ['tokens', ['a1b2c3d4e5f6a7b8c9d0']],
    ['eos_token', '<|endoftext|>'],
    ['next_page_token', 'a1b2c3d4e5f6a7b8c9d0'],
    ['token_endpoint', 'a1b2c3d4e5f6a7b8c9d0'],
    ['password', 'required'],
    ['password', 'pass'],
    ['public_key', R],
    ['primary_key', R],
    ['key', R],
    ['aws_key', of('AKIA', 'IOSFODNN7EXAMPLE')],
    ['constructor', { __proto__key: 'toString' }],
  ])('%s: %j', (name, value) => expect(likelySecrets({ context: { [name]: value } })).toEqual([]))

  test('whatever words a prompt is made of', () => {
    const words = fc.constantFrom(
      'the',
      'token',
      'sk',
      'api',
      'key',
      'secret',
      'AKIA',
      'is',
      '2024',
      'Bearer',
      'eyJ',
    )
    const prompts = fc.array(words, { maxLength: 60 })
    fc.assert(
      fc.property(prompts, fc.constantFrom(' ', '-', '_', '. '), (list, between) => {
        expect(likelySecrets({ context: { prompt: list.join(between) } })).toEqual([])
      }),
    )
  })
})

describe('what is said of it', () => {
  const KEY = of('sk-ant-', `api03-${R}`)

  test('a JSON pointer into the field, and nothing of the value', () => {
    const found = likelySecrets({
      config: { configurable: { 'a/b~c': [{ x: 1 }, { key: KEY }] } },
      metadata: { owner: KEY },
    })
    expect(found.map(({ pointer }) => pointer)).toEqual([
      '/config/configurable/a~1b~0c/1/key',
      '/metadata/owner',
    ])
  })

  test('a key that is a secret is not said either', () => {
    const found = likelySecrets({ context: { keys: { [KEY]: 'a' } } })
    expect(found).toEqual([{ pointer: '/context/keys', kind: 'an Anthropic API key as a key' }])
  })

  test('wherever a key stands in whatever JSON, it is found, and the pointer leads to it', () => {
    const places = fc.array(fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('__proto__', 'a/b', '~')), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), places, (beside, keys) => {
        const innermost: JsonValue = KEY
        const value = keys.reduceRight<JsonValue>(
          (inner, key) =>
            Object.fromEntries([
              ['beside', beside as JsonValue],
              [key, inner],
            ]),
          innermost,
        )
        const found = likelySecrets({ context: Object.fromEntries([['k', value]]) })
        const pointer = ['context', 'k', ...keys]
          .map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
          .join('')
        expect(found).toEqual([{ pointer, kind: 'an Anthropic API key' }])
        expect(JSON.stringify(found)).not.toContain(KEY)
      }),
    )
  })

  test('no more than anybody reads', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, KEY]))
    expect(likelySecrets({ context: many })).toHaveLength(SECRET_LIMITS.found)
    const [long] = likelySecrets({ context: { ['😀'.repeat(1_000)]: KEY } })
    expect(long?.pointer).toHaveLength(SECRET_LIMITS.pointer + 1)
    expect(long?.pointer.isWellFormed()).toBe(true)
  })
})

test.each([
  'eyJ-',
  'sk-',
  'sk-ant-',
  '://',
  'a://:',
  'AKIA',
  '-----BEGIN PRIVATE KEY-----',
  'xoxb-',
  'eyJabcdefghijk.',
  '{',
  '<',
])('a text full of %s costs no more than its length', (part) => {
  const text = part.repeat(Math.ceil(400_000 / part.length))
  const began = performance.now()
  likelySecrets({ context: { api_key: text, prompt: text, password: text.slice(0, 4_000) } })
  expect(performance.now() - began).toBeLessThan(5_000)
})
