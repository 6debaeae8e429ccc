// Why a file is not imported.

/** The file is not what was exported. One line, that names the line and what is wrong with it. */
export class AlteredExport extends Error {
  override readonly name = 'AlteredExport'
}

/** The file is what was exported, and not for this service. One line, that names the line and what to do. */
export class ForeignExport extends Error {
  override readonly name = 'ForeignExport'
}
