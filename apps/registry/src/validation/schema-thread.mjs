// The thread in which schemas are compiled and values checked: whatever a schema makes them do, it holds up this thread
// alone, which is ended and started again. It reads nothing from anywhere: a reference to another document is a fault.
// Plain JavaScript, because a worker is started from a file: the same one beside the sources and in the build.
import { parentPort, workerData } from 'node:worker_threads'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** @import { Answer, Question } from './schema-checker.js' */

const { schemas, errors: mostErrors } = workerData

/** Compiled schemas by id, the last used last. */
const compiled = new Map()

parentPort.on('message', (/** @type {Question} */ question) => {
  parentPort.postMessage({ call: question.call, ...answerTo(question) })
})

parentPort.postMessage({ type: 'ready' })

/** @returns {Answer} */
function answerTo({ id, schema, value }) {
  if (schema !== undefined) return keep(id, schema)
  const validate = compiled.get(id)
  if (!validate) return { type: 'not-compiled' }
  compiled.delete(id)
  compiled.set(id, validate)
  return check(validate, value)
}

function keep(id, schema) {
  try {
    const validate = compile(schema)
    // One that goes round in circles does so on whatever it is given.
    const probed = check(validate, {})
    if (probed.type !== 'checked') return probed
    compiled.set(id, validate)
    const [oldest] = compiled.keys()
    if (compiled.size > schemas) compiled.delete(oldest)
    return { type: 'compiled' }
  } catch (error) {
    return { type: 'faulty', why: String(error?.message ?? error) }
  }
}

function check(validate, value) {
  try {
    const fits = validate(value)
    if (typeof fits !== 'boolean') return { type: 'faulty', why: 'it is asynchronous' }
    const found = fits ? [] : (validate.errors ?? [])
    const errors = found
      .slice(0, mostErrors)
      .map(({ keyword, instancePath, params, message }) => ({ keyword, instancePath, params, message }))
    return { type: 'checked', errors, count: found.length }
  } catch (error) {
    return { type: 'faulty', why: String(error?.message ?? error) }
  }
}

const OPTIONS = {
  strict: false,
  allErrors: true,
  // `constructor` is a property like any other, and no object has it by nature.
  ownProperties: true,
  // LangGraph prints a field with a default as required. What is changed is the copy that this thread was sent.
  useDefaults: true,
  logger: false,
  code: { regExp: Object.assign(regExp, { code: 'regExp' }) },
}

/** By the draft that the schema names; one that names none, or another, may be of either. */
function compile(schema) {
  const { $schema, ...rest } = schema
  const named = typeof $schema === 'string' ? $schema : ''
  if (named.includes('draft-07')) return compileWith(Ajv, rest)
  if (named.includes('2020-12')) return compileWith(Ajv2020, rest)
  try {
    return compileWith(Ajv2020, rest)
  } catch (error) {
    try {
      return compileWith(Ajv, rest)
    } catch {
      throw error
    }
  }
}

function compileWith(Draft, schema) {
  const ajv = new Draft(OPTIONS)
  addFormats(ajv)
  // A pattern of another language is passed over below, not a fault of the whole schema.
  ajv.addFormat('regex', true)
  return ajv.compile(schema)
}

/** Schemas from Python have patterns that JavaScript does not know: those allow everything. */
function regExp(pattern) {
  for (const flags of ['u', ''])
    try {
      return new RegExp(pattern, flags)
    } catch {}
  return { test: () => true }
}
