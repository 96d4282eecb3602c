// kinesis-local has no option for its address, names none to Node, and Node then takes all. Loaded
// before it, this names the loopback interface.
"use strict";

const { Server } = require("node:net");

const listen = Server.prototype.listen;
Server.prototype.listen = function (port, callback) {
  return listen.call(this, port, "127.0.0.1", callback);
};
