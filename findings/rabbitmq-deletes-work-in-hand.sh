#!/usr/bin/env bash
# One would guess: RabbitMQ deletes a queue with ifEmpty and ifUnused only if nothing can be lost, since it has no message.
# It is so: a message that is in somebody's hands, not acknowledged, does not count: it is lost, and a late ack is not refused.
set -euo pipefail
place=$(mktemp -d)
started=()
finish() {
  for ((n = ${#started[@]} - 1; n >= 0; n -= 1)); do
    kill "${started[n]}" 2>/dev/null && wait "${started[n]}" 2>/dev/null || true
  done
  rm -rf "$place"
}
trap finish EXIT
cd "$place"
server=/usr/lib/rabbitmq/bin/rabbitmq-server
command -v epmd >/dev/null && [ -x $server ] || { echo "cannot run: needs Debian's rabbitmq-server"; exit 77; }
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" amqplib@2.3.1 >/dev/null
PATH=$place/node_modules/.bin:$PATH

# A RabbitMQ node of its own, on loopback, with nothing of the machine's own.
read -r PORT DIST EPMD < <(node -e '
  const { createServer } = require("node:net");
  const open = [0, 0, 0].map(() => createServer().listen(0, "127.0.0.1"));
  Promise.all(open.map((one) => new Promise((done) => one.once("listening", done)))).then(() => {
    console.log(open.map((one) => one.address().port).join(" "));
    for (const one of open) one.close();
  });')
export PORT HOME=$place ERL_EPMD_PORT=$EPMD ERL_EPMD_ADDRESS=127.0.0.1
umask 077
printf '[].' | tee plugins >advanced.config
printf 'listeners.tcp.1 = 127.0.0.1:%s\nlog.console = false\ndisk_free_limit.absolute = 50MB\n' "$PORT" >rabbitmq.conf
epmd -port "$EPMD" </dev/null >/dev/null 2>&1 &
started+=($!)
env RUNNING_UNDER_SYSTEMD=true RABBITMQ_NODENAME="finding$PORT@localhost" RABBITMQ_DIST_PORT="$DIST" \
  RABBITMQ_MNESIA_BASE="$place/data" RABBITMQ_LOG_BASE="$place/log" RABBITMQ_PID_FILE="$place/pid" \
  RABBITMQ_CONFIG_FILE="$place/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$place/advanced.config" \
  RABBITMQ_ENABLED_PLUGINS_FILE="$place/plugins" RABBITMQ_CONF_ENV_FILE=/dev/null \
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
  $server </dev/null >server.out 2>&1 &
started+=($!)

cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import amqp from 'amqplib';

/** Until the node that has just been started answers. */
async function connect() {
  for (;;) {
    try {
      return await amqp.connect(`amqp://guest:guest@127.0.0.1:${process.env.PORT}`);
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' && error.code !== 'ECONNRESET') throw error;
      await pause(200);
    }
  }
}

const connection = await connect();
const { version } = JSON.parse(readFileSync('node_modules/amqplib/package.json'));
console.log(
  `amqplib ${version}, RabbitMQ ${connection.connection.serverProperties.version}, node ${process.version}\n`,
);

const queue = 'work';
const worker = await connection.createChannel();
const cleaner = await connection.createChannel();
const count = async () =>
  (({ messageCount, consumerCount }) => ({ messageCount, consumerCount }))(await cleaner.checkQueue(queue));

/** One durable message, confirmed, and taken by the worker with basic.get: it is being worked on. */
async function take() {
  const publisher = await connection.createConfirmChannel();
  await publisher.assertQueue(queue, { durable: true });
  publisher.sendToQueue(queue, Buffer.from('an hour of work'), { persistent: true });
  await publisher.waitForConfirms();
  await publisher.close();
  return worker.get(queue);
}

// What should happen: the worker dies, and the message is there again.
await take();
console.log('while it is worked on:              ', await count());
await worker.recover();
const again = await count();
console.log('the worker gives up:                ', again);
assert.equal(again.messageCount, 1);
await worker.get(queue);

// What happens when somebody tidies up meanwhile, with both conditions.
const deleted = await cleaner.deleteQueue(queue, { ifEmpty: true, ifUnused: true });
console.log('deleteQueue({ ifEmpty, ifUnused }): ', deleted);
await worker.recover();
await cleaner.assertQueue(queue, { durable: true });
const lost = await count();
console.log('the worker gives up, queue anew:    ', lost);

// A worker that finishes is not told either.
const message = await take();
await cleaner.deleteQueue(queue, { ifEmpty: true, ifUnused: true });
worker.ack(message);
await cleaner.assertQueue(queue, { durable: true });
await worker.checkQueue(queue);
console.log('the ack of such a message:           no error, its channel is open');
assert.deepEqual(deleted, { messageCount: 0 });
assert.equal(lost.messageCount, 0);

// A message that waits is counted, so the condition itself works.
cleaner.sendToQueue(queue, Buffer.from('waits'));
const other = await connection.createChannel();
other.on('error', () => {});
await assert.rejects(other.deleteQueue(queue, { ifEmpty: true }), /not empty/);
console.log('with a message that waits:           406 not empty');

console.log(
  '\nSo: empty means that nothing waits. Only a count of those who hold something says that nothing is lost.',
);
await connection.close();
EOF
timeout 45 node probe.js
