WITH RECURSIVE side_input (key, value) AS (
  SELECT 0, '0' UNION ALL SELECT key + 1, CAST(key + 1 AS TEXT) FROM side_input WHERE key < 9999)
SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'dateTime', dateTime,
  'value', s.value)
FROM bid JOIN side_input s ON s.key = auction % 10000;
