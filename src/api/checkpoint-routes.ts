import * as z from 'zod';
import { branchBody, diffQuery, dropBody, pinBody, pruneBody, restoreBody } from './checkpoints/schemas.ts';
import type { Route } from './route.ts';

const number = z.coerce.number().int().positive();
const none = z.looseObject({});

type Params = Record<string, string>;
const id = (params: Params): string => params['id'] ?? '';
/** What is no number is the number of no checkpoint. */
const n = (params: Params): number => number.catch(0).parse(params['n']);

function route<Input>(value: Route<Input>): Route {
  return value as unknown as Route;
}

export const checkpointRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/checkpoints',
    summary: 'checkpoints of all agents, removed ones too',
    input: none,
    handle: (service) => service.checkpointing.all(),
  }),
  route({
    method: 'GET',
    path: '/v1/checkpoints/:id/:n',
    summary: 'one checkpoint and what it changed',
    input: none,
    handle: (service, _query, params) => service.checkpointing.show(id(params), n(params)),
  }),
  route({
    method: 'GET',
    path: '/v1/checkpoints/:id/:n/diff',
    summary: 'from one checkpoint to another, or to the worktree as it is now',
    input: diffQuery,
    handle: (service, query, params) => service.checkpointing.diff(id(params), n(params), query.to ?? null),
  }),
  route({
    method: 'POST',
    path: '/v1/checkpoints/:id/:n/restore',
    summary: 'bring single files or directories back',
    input: restoreBody,
    handle: (service, body, params) => service.checkpointing.restore(id(params), n(params), body.paths),
  }),
  route({
    method: 'POST',
    path: '/v1/checkpoints/:id/:n/branch',
    summary: 'make a branch with its files',
    input: branchBody,
    handle: (service, body, params) => service.checkpointing.branch(id(params), n(params), body.name),
  }),
  route({
    method: 'POST',
    path: '/v1/checkpoints/:id/:n/pin',
    summary: 'keep it for ever, or no longer',
    input: pinBody,
    handle: (service, body, params) => service.checkpointing.pin(id(params), n(params), body.pinned),
  }),
  route({
    method: 'POST',
    path: '/v1/checkpoints/:id/drop',
    summary: 'forget checkpoints; with purge their contents are removed from the repository',
    input: dropBody,
    handle: (service, body, params) => service.checkpointing.drop(id(params), body.numbers, body.purge),
  }),
  route({
    method: 'POST',
    path: '/v1/checkpoints/prune',
    summary: 'forget what the retention of swarm.yaml no longer keeps',
    input: pruneBody,
    handle: (service, body) => service.checkpointing.prune(body.agent, body.dryRun),
  }),
];
