import * as z from 'zod';
import { agentSchemas } from './agents/schemas.ts';
import { alertSchemas } from './alerts/schemas.ts';
import { checkpointSchemas } from './checkpoints/schemas.ts';
import type { Schema, Schemas } from './contract/calls.ts';
import type { Route, Routes } from './contract/route.ts';
import { messageSchemas } from './messages/schemas.ts';
import { routes } from './routes.ts';
import type { SwarmService } from './service.ts';
import { statusSchemas } from './status/schemas.ts';
import { swarmSchemas } from './swarm/schemas.ts';
import { taskSchemas } from './tasks/schemas.ts';
import { workSchemas } from './reversible-work/schemas.ts';

type Noun = keyof typeof routes;

const schemas: { readonly [N in Noun]: Schemas<(typeof routes)[N]> } = {
  agents: agentSchemas,
  alerts: alertSchemas,
  checkpoints: checkpointSchemas,
  messages: messageSchemas,
  status: statusSchemas,
  swarm: swarmSchemas,
  tasks: taskSchemas,
  work: workSchemas,
};

/** One path of the server. */
export interface Endpoint extends Pick<Route, 'method' | 'path' | 'summary'> {
  /** Body of a POST, query of a GET. */
  takes: z.ZodType;
  /** Null: no answer. */
  answers: z.ZodType | null;
  handle(service: SwarmService, input: unknown, params: Record<string, string>): Promise<unknown>;
}

/** A body where none is expected is refused; a query where none is expected is left out. */
const NOTHING = { POST: z.strictObject({}).optional(), GET: z.object({}) };
/** Text that is no number is the number of no checkpoint. */
const NUMBER = z.coerce.number().int().positive().catch(0);

type Method = (input: object) => Promise<unknown>;

function endpoint(noun: Noun, name: string, route: Route, path: string, schema: Schema): Endpoint {
  const { method, summary } = route;
  return {
    method,
    path,
    summary,
    takes: schema.takes ?? NOTHING[method],
    answers: schema.answers ?? null,
    handle: (service, input, { n, ...named }) => {
      const room = service[noun] as unknown as Record<string, Method>;
      const params = n === undefined ? named : { ...named, n: NUMBER.parse(n) };
      // Called as a method: the room is its `this`.
      return (room[name] as Method).call(room, { ...(input as object | undefined), ...params });
    },
  };
}

/** Every path, with its input and answer, and the method that answers it. */
export const endpoints: readonly Endpoint[] = (Object.keys(routes) as Noun[]).flatMap((noun) => {
  const table: Routes = routes[noun];
  const given: Record<string, Schema> = schemas[noun];
  return Object.entries(table).flatMap(([name, route]) =>
    [route.path, ...(route.also === null ? [] : [route.also])].map((path) =>
      endpoint(noun, name, route, path, given[name] ?? {}),
    ),
  );
});
