import { expect, test } from '@jest/globals'
import { reasonOf } from './reason.js'

test.each([
  [{ message: 'file is not a database', code: 'SQLITE_NOTADB' }, 'file is not a database (SQLITE_NOTADB)'],
  [
    {
      message:
        "The module '/x/better_sqlite3.node'\nwas compiled against a different Node.js version using\n115.",
      code: 'ERR_DLOPEN_FAILED',
    },
    "The module '/x/better_sqlite3.node' was compiled against a different Node.js version using 115. (ERR_DLOPEN_FAILED)",
  ],
  [
    { message: 'Could not locate the bindings file. Tried:\n → /x/a.node\n → /x/b.node' },
    'Could not locate the bindings file. Tried: → /x/a.node → /x/b.node',
  ],
])('given %j, then one line says all of it', (told, line) => {
  expect(reasonOf(told)).toBe(line)
})
