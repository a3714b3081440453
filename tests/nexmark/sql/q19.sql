SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'channel', channel,
  'url', url, 'dateTime', dateTime, 'extra', extra, 'rank_number', place)
FROM (SELECT *, row_number() OVER (PARTITION BY auction
        ORDER BY price DESC, dateTime, seq) AS place FROM bid)
WHERE place <= 10;
