import { later, type Verb } from '../../verb/verb.ts';

export const verb: Verb = {
  summary: 'the message broker',
  description: 'The RabbitMQ node of this user.',
  verbs: {
    status: {
      summary: 'whether it runs, where, and which projects use it',
      run: later(async () => (await import('./node.ts')).brokerStatus),
    },
    start: {
      summary: 'start it now; `up` does it when it is needed',
      run: later(async () => (await import('./node.ts')).brokerStart),
    },
    stop: {
      summary: 'stop it, unless a project uses it',
      run: later(async () => (await import('./node.ts')).brokerStop),
    },
  },
};
