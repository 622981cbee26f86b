import django.db.models.deletion
import shops.events
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('shops', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(help_text='store or reverb', max_length=10)),
                ('delivery_id', models.CharField(max_length=200)),
                ('topic', models.CharField(max_length=100)),
                ('body', models.BinaryField()),
                ('received_at', models.DateTimeField()),
                ('rank', models.PositiveSmallIntegerField(default=shops.events.Urgency['PRODUCT'])),
                ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Worked off'), ('ignored', 'Of a topic that means nothing to us'), ('unreadable', 'Signed, but not readable'), ('dead', 'Put aside after too many tries')], default='open', max_length=10)),
                ('note', models.CharField(blank=True, help_text='Why it could not be worked off.', max_length=300)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('faults', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('shop', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='shops.shop')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['shop', 'rank', 'id'], name='deliveries_in_order'), models.Index(condition=models.Q(('state__in', ['dead', 'unreadable'])), fields=['shop'], name='deliveries_put_aside'), models.Index(fields=['received_at'], name='deliveries_by_age')],
                'constraints': [models.UniqueConstraint(fields=('shop', 'source', 'delivery_id'), name='one_delivery_per_id')],
            },
        ),
    ]
