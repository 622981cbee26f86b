from django.db import migrations, models

# The same cleaning as in synclog/browse.py: what is neither letter nor digit parts words.
LOOK_UP = """
ALTER TABLE synclog_entry ADD COLUMN look_up tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', regexp_replace(sku || ' ' || title, '[^[:alnum:]]+', ' ', 'g'))
) STORED;
CREATE INDEX entries_by_words ON synclog_entry USING gin (look_up);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('synclog', '0001_initial'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='entry', name='entries_of_a_shop'),
        migrations.RemoveIndex(model_name='entry', name='entries_by_outcome'),
        migrations.RemoveIndex(model_name='entry', name='entries_by_sku'),
        migrations.RemoveIndex(model_name='entry', name='entries_by_date'),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['shop', 'at', 'id'], name='entries_of_a_shop'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['shop', 'outcome', 'at', 'id'], name='entries_by_outcome'),
        ),
        migrations.RunSQL(LOOK_UP, "ALTER TABLE synclog_entry DROP COLUMN look_up"),
    ]
