// Preloaded into the emulator: whatever it wants to listen on, it gets 127.0.0.1 alone.
const { Server } = require('net');
const original = Server.prototype.listen;
Server.prototype.listen = function listen(first, ...rest) {
  if (first !== null && typeof first === 'object' && 'port' in first) {
    return original.call(this, { ...first, host: '127.0.0.1' }, ...rest);
  }
  if (typeof first === 'number' || (typeof first === 'string' && first !== '' && !Number.isNaN(Number(first)))) {
    const others = typeof rest[0] === 'string' ? rest.slice(1) : rest;
    return original.call(this, Number(first), '127.0.0.1', ...others);
  }
  return original.call(this, first, ...rest);
};
