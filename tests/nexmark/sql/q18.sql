SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'channel', channel,
  'url', url, 'dateTime', dateTime, 'extra', extra)
FROM (SELECT *, row_number() OVER (PARTITION BY bidder, auction
        ORDER BY dateTime DESC, seq DESC) AS place FROM bid)
WHERE place = 1;
