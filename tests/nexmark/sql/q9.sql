SELECT json_object('id', id, 'itemName', itemName, 'description', description,
  'initialBid', initialBid, 'reserve', reserve, 'dateTime', dateTime, 'expires', expires,
  'seller', seller, 'category', category, 'extra', extra, 'auction', auction, 'bidder', bidder,
  'price', price, 'bid_dateTime', bid_dateTime, 'bid_extra', bid_extra) FROM winning;
