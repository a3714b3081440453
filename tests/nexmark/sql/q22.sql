-- The 4th to 6th part between slashes.
WITH a AS (SELECT *, substr(url, instr(url, '//') + 2) AS behind FROM bid),
b AS (SELECT *, substr(behind, instr(behind, '/') + 1) AS p1 FROM a),
c AS (SELECT *, substr(p1, instr(p1, '/') + 1) AS p2 FROM b),
d AS (SELECT *, substr(p2, instr(p2, '/') + 1) AS p3 FROM c)
SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'channel', channel,
  'dir1', substr(p1, 1, instr(p1, '/') - 1), 'dir2', substr(p2, 1, instr(p2, '/') - 1),
  'dir3', substr(p3, 1, instr(p3, '/') - 1))
FROM d;
