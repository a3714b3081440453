-- attack: 23 the collector
-- expect: only "count" is available
collectgarbage('stop')
