SELECT json_object('auction', auction, 'price', price) FROM bid WHERE auction % 123 = 0;
