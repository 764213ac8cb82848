import * as z from 'zod';
import { parseSize } from '../lib/size.ts';

/** Sizes stand as text in the file (`100MiB`) and are bytes in the result. */
export const size = z.string().transform((text, context) => {
  try {
    return parseSize(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'a size such as 100MiB or 2GiB', input: text });
    return z.NEVER;
  }
});
