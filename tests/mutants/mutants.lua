-- The bugs that the suite has to find: each is a small change of the product, of the kind that is
-- made by somebody in a hurry. `from` stands once in `file`; `tests` is a regular expression
-- of tests, of which at least one has to fail.

return {
  -- durability
  { name = "the journal is not synced", file = "runtime/store/journal.c",
    from = "int rc = io_datasync(j->fs, j->fd, j->path, err);",
    to = "int rc = SRT_OK;",
    tests = [[unit\.store\.power_cut|crash\.(ack_after_sync|states)]] },
  { name = "every other frame is synced", file = "runtime/store/journal.c",
    from = "if (rc == SRT_OK && j->sync_each) {",
    to = "if (rc == SRT_OK && j->sync_each && j->next_frame % 2 == 0) {",
    tests = [[unit\.store\.power_cut|crash\.(ack_after_sync|states)]] },
  { name = "a new journal file's name is not synced", file = "runtime/store/journal.c",
    from = "    rc = io_sync_dir(j->fs, j->dir, err);\n    if (rc == SRT_OK && (sys",
    to = "    rc = SRT_OK;\n    if (rc == SRT_OK && (sys",
    tests = [[unit\.store\.power_cut|crash\.states]] },
  { name = "a freed journal file is used before its old name is gone for good",
    file = "runtime/store/journal.c",
    from = "        rc = io_sync_dir(j->fs, j->dir, err);\n        if (rc == SRT_OK) {\n"
      .. "            srt_store_release(place",
    to = "        rc = SRT_OK;\n        if (rc == SRT_OK) {\n            srt_store_release(place",
    tests = [[unit\.store\.power_cut|crash\.states]] },
  { name = "journal files all have the same id", file = "runtime/store/journal.c",
    from = ".id = srt_random_u64(),", to = ".id = 1,",
    tests = [[unit\.store\.(power_cut|journal_damage|store)|crash\.states]] },
  { name = "a checkpoint does not sync the segments", file = "runtime/store/store_checkpoint.c",
    from = "rc = segment_sync(job->segments[i], err);", to = "rc = SRT_OK;",
    tests = [[unit\.store\.power_cut|crash\.states]] },
  { name = "a checkpoint does not sync the directories",
    file = "runtime/store/store_checkpoint.c",
    from = "rc = io_sync_dir(store->fs, job->dirs[i], err);", to = "rc = SRT_OK;",
    tests = [[unit\.store\.power_cut|crash\.states]] },
  { name = "a checkpoint reaches one frame too far", file = "runtime/store/store_checkpoint.c",
    from = ".boundary = store->journal.next_frame - 1}",
    to = ".boundary = store->journal.next_frame}",
    tests = [[unit\.store\.(power_cut|store)|crash\.(states|store_kill)]] },
  { name = "journal files are freed one frame too early", file = "runtime/store/journal.c",
    from = "if (j->olds[i].last_frame <= boundary) {",
    to = "if (j->olds[i].last_frame <= boundary + 1) {",
    tests = [[unit\.store\.(power_cut|store)|crash\.(states|store_kill)]] },
  { name = "an error of fdatasync is taken for success", file = "runtime/io/fs.c",
    from = "    RETRIED(rc, fs->datasync(fs, fd));\n"
      .. "    return rc < 0 ? fail_sync(err, -rc, path) : SRT_OK;",
    to = "    RETRIED(rc, fs->datasync(fs, fd));\n    (void)path;\n    (void)err;\n"
      .. "    return SRT_OK;",
    tests = [[unit\.(io\.fs|store\.store_failure)|fault\.]] },

  -- recovery
  { name = "the active segment is not cut after a crash", file = "runtime/store/store_partitions.c",
    from = "rc = segment_cut(seg, err);", to = "rc = SRT_OK;",
    tests = [[unit\.store\.|crash\.(states|store_kill)]] },
  { name = "a frame's checksum is not looked at", file = "runtime/store/frame.c",
    from = "if (count != info.entry_count || crc != srt_get_be32(data + end + 4)) {",
    to = "if (count != info.entry_count) {",
    tests = [[unit\.store\.(frame|journal_damage)|damage\.]] },
  { name = "a batch's checksum is not looked at", file = "runtime/record/batch.c",
    from = "if (srt_crc32c(0, data + AT_ATTRIBUTES, info.size_bytes - AT_ATTRIBUTES) "
      .. "!= info.crc) {",
    to = "if (info.size_bytes == 0) {",
    tests = [[unit\.(record\.batch|store\.)|damage\.]] },
  { name = "later frames behind a torn one are no damage", file = "runtime/store/journal_scan.c",
    from = "    if (rc == SRT_OK && found) {",
    to = "    if (rc == SRT_OK && found && r->window.fd < 0) {",
    tests = [[unit\.store\.journal_damage|damage\.]] },
  { name = "segments bear no witness of the journal's end",
    file = "runtime/store/journal_witness.c",
    from = "if (row->dropped || row->run_end <= row->next_offset) {",
    to = "if (row->dropped || row->run_end <= row->next_offset || row->known) {",
    tests = [[unit\.store\.(journal_damage|store_repair)|damage\.]] },
  { name = "a repair believes any bytes that look like a batch",
    file = "runtime/store/segment_audit.c",
    from = "rc = leads_to_anchor(w, p, info.base_offset, &found, err);",
    to = "rc = look_at_batch(w, p, &info, &(enum verdict){0}, err), found = rc == SRT_OK;",
    tests = [[unit\.store\.segment_audit|damage\.]] },
  { name = "a repair changes a file before its bytes are kept",
    file = "runtime/store/store_repair.c",
    from = "if (!r->dry_run && !there) {", to = "if (!r->dry_run && !there && size == 0) {",
    tests = [[unit\.store\.store_repair|damage\.]] },

  -- visibility
  { name = "readers see what is not durable yet", file = "runtime/store/partition_read.c",
    from = "int64_t high_watermark = partition_high_watermark(part);\n"
      .. "    if (offset < partition_log_start",
    to = "int64_t high_watermark = part->next_offset;\n    if (offset < partition_log_start",
    tests = [[unit\.(store|broker)\.]] },

  -- exactly once
  { name = "a commit forgets the positions", file = "runtime/embedded/engine_embedded.c",
    from = ".position_count = commit->position_count,\n        .done = on_written,",
    to = ".position_count = 0,\n        .done = on_written,",
    tests = [[unit\.embedded\.|crash\.access_log_kills]] },
  { name = "a file is not cut to what was committed", file = "runtime/connect/sink_file.c",
    from = "int sys = f->fs->truncate(f->fs, f->fd, length);", to = "int sys = 0;",
    tests = [[unit\.connect\.sink_file|crash\.(access_log_kills\.crash|states)]] },
  { name = "positions are taken one record early", file = "runtime/pipeline/intake.c",
    from = "move_to(entry, ret->rec.offset + 1);", to = "move_to(entry, ret->rec.offset);",
    tests = [[unit\.(pipeline|embedded)\.|crash\.access_log_kills]] },
  { name = "an epoch is handed over before the exchange is empty", file = "runtime/pipeline/task.c",
    from = "if (!exchange_aligned(ex, task->barrier_edge, task->index)) {",
    to = "if (!exchange_aligned(ex, task->barrier_edge, task->index) && "
      .. "task->epoch == UINT64_MAX) {",
    tests = [[unit\.(pipeline|embedded)\.]] },
  { name = "memory of an epoch is used again before it is durable",
    file = "runtime/pipeline/controller.c",
    from = "    ctl->joined = joined;\n}",
    to = "    ctl->joined = joined;\n"
      .. "    if (ctl->job.task_count == 1 && joined->append_count > 0) {\n"
      .. "        task_give_back(ctl->tasks[0], ctl->parts[0]);\n"
      .. "        ctl->parts[0] = epoch_part_create(ctl->job.sink_count);\n    }\n}",
    tests = [[unit\.(pipeline|embedded)\.|crash\.]] },

  -- records
  { name = "a dead letter is counted and not written", file = "runtime/pipeline/executor_error.c",
    from = "    return target_put(&ex->target_set, target, &rec, true, err);",
    to = "    return SRT_OK;",
    tests = [[unit\.pipeline\.|scenario\.e_]] },
  { name = "keys go to other partitions than Kafka's", file = "runtime/record/partitioner.c",
    from = "murmur2(key, key_len) & 0x7fffffffu", to = "murmur2(key, key_len) >> 1",
    tests = [[unit\.record\.partitioner]] },
}
