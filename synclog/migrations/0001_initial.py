import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('shops', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('outcome', models.CharField(choices=[('synced', 'Synced'), ('nothing', 'Nothing to do'), ('skipped', 'Skipped'), ('failed', 'Failed')], max_length=8)),
                ('reason', models.CharField(blank=True, help_text='Id in synclog/reasons.py.', max_length=40)),
                ('words', models.TextField(blank=True, help_text='What happened and what to do, as it was shown.')),
                ('fix_link', models.URLField(blank=True, help_text='Where it is fixed.', max_length=1000)),
                ('store_product_id', models.CharField(blank=True, max_length=64)),
                ('title', models.CharField(blank=True, max_length=300)),
                ('sku', models.CharField(blank=True, max_length=255)),
                ('product_link', models.URLField(blank=True, max_length=1000)),
                ('listing_link', models.URLField(blank=True, max_length=1000)),
                ('changes', models.JSONField(default=list, help_text='[{field, before, after}]')),
                ('message', models.TextField(blank=True, help_text='What was said beside it (Reason.speaker).')),
                ('field_errors', models.JSONField(default=dict, help_text='{field: [words]} from Reverb.')),
                ('warnings', models.JSONField(default=list, help_text="Reverb's warnings.")),
                ('took_ms', models.PositiveIntegerField(default=0)),
                ('attempt', models.PositiveIntegerField(default=1)),
                ('trigger', models.CharField(blank=True, help_text='What started it.', max_length=60)),
                ('search_vector', models.GeneratedField(db_persist=True, expression=models.Func(output_field=django.contrib.postgres.search.SearchVectorField(), template="to_tsvector('simple', regexp_replace(sku || ' ' || title, '[^[:alnum:]]+', ' ', 'g'))"), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='shops.shop')),
            ],
            options={
                'verbose_name_plural': 'entries',
                'indexes': [models.Index(fields=['shop', 'at', 'id'], name='entries_of_a_shop'), models.Index(fields=['shop', 'outcome', 'at', 'id'], name='entries_by_outcome'), models.Index(fields=['at'], name='entries_by_age'), django.contrib.postgres.indexes.GinIndex(fields=['search_vector'], name='entries_by_search_vector')],
            },
        ),
    ]
