import * as z from 'zod';

/** Fields that many documents have. */
export const time = z.string().describe('ISO 8601');
export const usd = z.number().min(0).describe('USD');
export const text = z.string().nullable();
export const number = z.number().nullable();

/** The commit that tasks start from. */
export const base = z.object({ branch: text, commit: z.string() });
