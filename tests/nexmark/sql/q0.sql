SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'dateTime', dateTime,
  'extra', extra) FROM bid;
