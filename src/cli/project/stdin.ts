import { SwarmError } from '../../domain/errors.ts';

/** Most characters of one prompt in the API. */
const LIMIT_CHARS = 1_000_000;

/** All of stdin as text. @throws SwarmError `too-long` */
export async function readAll(stdin: NodeJS.ReadStream): Promise<string> {
  stdin.setEncoding('utf8');
  let text = '';
  for await (const part of stdin as AsyncIterable<string>) {
    text += part;
    if (text.length > LIMIT_CHARS) {
      throw new SwarmError('too-long', `stdin is longer than ${LIMIT_CHARS} characters`, {
        hint: 'Put it in a file of the repository and name the file.',
        exitCode: 2,
      });
    }
  }
  return text;
}
