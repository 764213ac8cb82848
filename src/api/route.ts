import type * as z from 'zod';
import type { SwarmService } from './service.ts';

/** One address of the API: what it takes, and the call of the service that answers it. */
export interface Route<Input = unknown> {
  method: 'GET' | 'POST';
  path: string;
  summary: string;
  /** Body of a POST, query of a GET. */
  input: z.ZodType<Input>;
  handle(service: SwarmService, input: Input, params: Record<string, string>): Promise<unknown>;
}

/** A route whose input keeps its type up to here, among routes of other inputs. */
export function route<Input>(value: Route<Input>): Route {
  return value as unknown as Route;
}
