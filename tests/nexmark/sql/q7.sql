SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'dateTime', dateTime,
  'extra', extra)
FROM (SELECT *, row_number() OVER (PARTITION BY dateTime / 10000
        ORDER BY price DESC, dateTime, seq) AS place FROM bid)
WHERE place = 1;
