/** What is wrong with a file, and in which of its lines. `code` is a message, `values` fill it in. */
export class FileProblem extends Error {
  code;
  line;
  values;

  constructor(code, line, values) {
    super(`${code} in line ${line}`);
    Object.assign(this, { code, line, values });
  }
}
