/* What a survey finds, told. */
#include "store/store.h"
#include "store/store_survey.h"

int store_check(const char *data_dir, const struct io_fs *fs, store_report_fn report, void *arg,
                struct srt_err *err)
{
    struct store_survey survey;
    int rc = store_survey_open(&survey, fs ? fs : io_fs_real(), data_dir, err);
    if (rc == SRT_OK) {
        for (size_t i = 0; i < survey.damage_count; i++) {
            const struct store_survey_damage *damage = &survey.damages[i];
            report(arg, damage->path, damage->from, damage->reason);
        }
        rc = (int)survey.damage_count;
    }
    store_survey_close(&survey);
    return rc;
}
